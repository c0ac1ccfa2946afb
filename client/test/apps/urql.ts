// Pages through grievances, finds a record by its id, and checks that a change appears in a record that was read
// before.
import { gql } from '@urql/core';
import { urqlClient } from './urql-client';
import { employerId, tell, token, url } from './given';

const complaints: string[] = [];
console.error = console.warn = (...words: unknown[]) => void complaints.push(words.join(' '));

interface Page {
  readonly grievances: {
    readonly edges: readonly { readonly node: { readonly id: string } }[];
    readonly pageInfo: { readonly endCursor: string };
  };
}

const Grievances = gql<Page, { first: number; after?: string }>`
  query Grievances($first: Int, $after: String) {
    grievances(first: $first, after: $after) {
      edges {
        node {
          id
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
    permissions {
      operation
      isAllowed
    }
  }
`;

const Employer = gql<{ node: { id: string; city: string | null } | null }, { id: string }>`
  query Employer($id: ID!) {
    node(id: $id) {
      id
      ... on Organization {
        city
        version
      }
    }
  }
`;

const Move = gql<{ updateOrganization: { id: string; city: string } }, { id: string; city: string }>`
  mutation Move($id: ID!, $city: String) {
    updateOrganization(id: $id, input: { city: $city }) {
      id
      city
      version
    }
  }
`;

async function main(): Promise<void> {
  const client = urqlClient(url, () => token);
  const first = await client.query(Grievances, { first: 2 }).toPromise();
  const { endCursor } = first.data?.grievances.pageInfo ?? { endCursor: '' };
  const all = await client.query(Grievances, { first: 2, after: endCursor }).toPromise();
  await client.query(Employer, { id: employerId }).toPromise();
  await client.mutation(Move, { id: employerId, city: 'Cohoes' }).toPromise();
  const moved = await client.query(Employer, { id: employerId }, { requestPolicy: 'cache-only' }).toPromise();
  tell({
    first: first.data?.grievances.edges.map(({ node }) => node.id),
    all: all.data?.grievances.edges.map(({ node }) => node.id),
    city: moved.data?.node?.city,
    errors: [first.error, all.error, moved.error].map((error) => error?.message),
    complaints,
  });
}

void main();
