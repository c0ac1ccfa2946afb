// Pages through the grievances against an employer, below `Query`, and reports the content of the store.
import { fetchQuery, getSingularSelector } from 'relay-runtime';
import EmployerQuery, { type documentsEmployerQuery } from './__generated__/documentsEmployerQuery.graphql';
import PaginationQuery, { type documentsGrievancesPaginationQuery } from './__generated__/documentsGrievancesPaginationQuery.graphql';
import Grievances, { type documents_grievances$data } from './__generated__/documents_grievances.graphql';
import { environmentOf } from './relay-environment';
import { employerId, tell, token, url } from './given';

const complaints: string[] = [];
console.error = console.warn = (...words: unknown[]) => void complaints.push(words.join(' '));

async function main(): Promise<void> {
  const environment = environmentOf(url, () => token);
  const variables = { id: employerId };
  const answer = await fetchQuery<documentsEmployerQuery>(environment, EmployerQuery, variables).toPromise();
  if (!answer?.organization) throw new Error('There is no such employer.');
  const seen = (): documents_grievances$data => {
    const selector = getSingularSelector(Grievances, answer.organization);
    if (!selector) throw new Error('Nothing is selected.');
    return environment.lookup(selector).data as unknown as documents_grievances$data;
  };
  const first = seen().grievances?.edges.map(({ node }) => node) ?? [];
  const { endCursor } = (seen().grievances as unknown as { pageInfo: { endCursor: string } }).pageInfo;
  const more = { ...variables, first: 1, after: endCursor };
  await fetchQuery<documentsGrievancesPaginationQuery>(environment, PaginationQuery, more).toPromise();
  const nodes = seen().grievances?.edges.map(({ node }) => node) ?? [];
  tell({ me: answer.me, first, nodes, complaints });
}

void main();
