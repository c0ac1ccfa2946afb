// Pages through grievances, finds a record by its id, and requests two fields of which one is refused.
import { gql, type TypedDocumentNode } from '@apollo/client';
import { apolloClient } from './apollo-client';
import { employerId, tell, token, url } from './given';

interface Page {
  readonly grievances: {
    readonly edges: readonly { readonly node: { readonly id: string; readonly grievanceNumber: string } }[];
    readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
  };
}

const Grievances: TypedDocumentNode<Page, { first: number; after?: string }> = gql`
  query Grievances($first: Int, $after: String) {
    grievances(first: $first, after: $after) {
      edges {
        node {
          id
          grievanceNumber
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`;

const Found: TypedDocumentNode<{ node: { __typename: string; id: string; name?: string } | null }, { id: string }> = gql`
  query Found($id: ID!) {
    node(id: $id) {
      ...Identity
      ... on Organization {
        name
      }
    }
  }
  fragment Identity on Node {
    id
  }
`;

const Partly: TypedDocumentNode<{ me: { id: string } | null; settings: object | null }> = gql`
  query Partly {
    me {
      id
    }
    settings {
      version
    }
  }
`;

async function main(): Promise<void> {
  const client = apolloClient(url, () => token);
  const asked = { query: Grievances, variables: { first: 2 } };
  const first = ((await client.query(asked)).data as Page).grievances;
  const list = client.watchQuery(asked);
  const watching = list.subscribe({});
  await list.fetchMore({ variables: { after: first.pageInfo.endCursor } });
  const all = client.readQuery(asked);
  const { data: found } = await client.query({ query: Found, variables: { id: employerId } });
  const partly = await client.query({ query: Partly, errorPolicy: 'all' });
  watching.unsubscribe();
  client.stop();
  tell({
    first: first.edges.map(({ node }) => node.id),
    all: all?.grievances.edges.map(({ node }) => node.id),
    found: found?.node,
    partly: { data: partly.data, error: partly.error?.message },
  });
}

void main();
