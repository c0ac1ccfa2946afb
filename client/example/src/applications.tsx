import {
  BenevolenceApplicationsDocument,
  ReviewBenevolenceDocument,
  type ApplicationCardFragment,
  type BenevolenceReviewDecision,
  type Client,
  type Failure,
} from 'unionhall-client';
import { useCallback, useEffect, useState } from 'react';

export function Applications({ client }: { client: Client }) {
  const [all, setAll] = useState<readonly ApplicationCardFragment[]>([]);
  const [problem, setProblem] = useState<string | null>(null);

  const load = useCallback(async () => {
    const answer = await client.ask(BenevolenceApplicationsDocument, { first: 20 });
    if (answer.ok) setAll(answer.data.benevolenceApplications?.nodes ?? []);
    else setProblem(sentenceOf(answer.failure));
  }, [client]);

  useEffect(() => void load(), [load]);

  async function review({ id, version }: ApplicationCardFragment, decision: BenevolenceReviewDecision) {
    const answer = await client.ask(ReviewBenevolenceDocument, { input: { id, version, decision } });
    setProblem(answer.ok ? null : sentenceOf(answer.failure));
    if (!answer.ok) return await load();
    const { reviewBenevolence: changed } = answer.data;
    setAll((before) => before.map((each) => (each.id === id ? changed : each)));
  }

  return (
    <>
      {problem && <p role="alert">{problem}</p>}
      <ul>
        {all.map((application) => (
          <li key={application.id}>
            <h2>
              {application.member?.fullName} asks for ${application.amountRequested}
            </h2>
            <p>
              {wordsOf(application.reason)}, {application.applicationDate}: <strong>{wordsOf(application.status)}</strong>
              {application.reviews.length > 0 &&
                ` (${application.reviews.map(({ reviewLevel, decision }) => `${reviewLevel} ${wordsOf(decision)}`).join(', ')})`}
            </p>
            {application.availableActions.includes('REVIEW') && (
              <p>
                <button onClick={() => void review(application, 'APPROVED')}>Approve</button>
                <button onClick={() => void review(application, 'DENIED')}>Deny</button>
                <button onClick={() => void review(application, 'NEEDS_INFO')}>Ask for more</button>
              </p>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

const wordsOf = (name: string): string => name.toLowerCase().replaceAll('_', ' ');

function sentenceOf(failure: Failure): string {
  switch (failure.code) {
    case 'CONFLICT':
      return `Somebody was faster. ${failure.message}`;
    case 'RATE_LIMITED':
    case 'UNAVAILABLE':
      return `Try again in ${failure.retryAfter} seconds.`;
    default:
      return failure.message;
  }
}
