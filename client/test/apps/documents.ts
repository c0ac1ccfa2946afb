// Input for relay-compiler, which writes to __generated__. This file never runs.
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
