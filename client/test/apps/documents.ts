// Read by relay-compiler, and never run: what it makes of this is in __generated__.
import { graphql } from 'relay-runtime';

export const employer = graphql`
  query documentsEmployerQuery($id: ID!) {
    me {
      id
      fullName
    }
    organization(id: $id) {
      id
      ...documents_grievances
    }
  }
`;

export const grievances = graphql`
  fragment documents_grievances on Organization
  @refetchable(queryName: "documentsGrievancesPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 1 }, after: { type: "String" }) {
    grievances(first: $first, after: $after) @connection(key: "documents_grievances") {
      edges {
        node {
          id
          grievanceNumber
          assignedUser {
            id
            userId
            fullName
          }
        }
      }
    }
  }
`;
