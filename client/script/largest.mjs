// Prints the benevolence applications that wait for a review: node script/largest.mjs [url]
import { BenevolenceApplicationsDocument, createClient } from 'unionhall-client';

const [url = 'http://127.0.0.1:4000/graphql'] = process.argv.slice(2);
const { UNIONHALL_LOGIN: identifier = 'officer', UNIONHALL_PASSWORD: password = 'unionhall-dev' } = process.env;
const client = createClient({ url });

const signedIn = await client.signIn({ identifier, password });
if (!signedIn.ok) fail(signedIn.failure);

const filter = { status: { in: ['SUBMITTED', 'UNDER_REVIEW'] } };
for (let after = null, more = true; more;) {
  const answer = await client.ask(BenevolenceApplicationsDocument, { first: 50, after, filter });
  if (!answer.ok) fail(answer.failure);
  const { nodes, pageInfo } = answer.data.benevolenceApplications;
  for (const { amountRequested, status, reviews, member } of nodes) {
    const decided = reviews.map(({ reviewLevel }) => reviewLevel).join(', ') || 'nobody yet';
    console.log(`${amountRequested.padStart(9)}  ${status.padEnd(12)}  ${member?.fullName}: ${decided}`);
  }
  ({ hasNextPage: more, endCursor: after } = pageInfo);
}
await client.signOut();

/** Ends the program with the message and any invalid fields. */
function fail(failure) {
  const fields = failure.code === 'BAD_INPUT' ? failure.fields.map(({ path, message }) => `\n  ${path} ${message}`) : [];
  console.error(`${failure.code}: ${failure.message}${fields.join('')}`);
  process.exit(1);
}
