import { PendingDeadlinesDocument, type Client, type DeadlineRowFragment } from 'unionhall-client';
import { useEffect, useState } from 'react';

/** Lists the deadlines that the user sees and that nobody has met, earliest first. */
export function Deadlines({ client }: { client: Client }) {
  const [all, setAll] = useState<readonly DeadlineRowFragment[]>([]);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    void client.ask(PendingDeadlinesDocument, { first: 10 }).then((answer) => {
      if (answer.ok) setAll(answer.data.deadlines?.nodes ?? []);
      else setProblem(answer.failure.message);
    });
  }, [client]);

  return (
    <table>
      <caption>What is due</caption>
      <thead>
        <tr>
          {['Due', 'Act', 'By', 'Grievance', 'Member', 'State'].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {all.map(({ id, dueDate, act, step, party, grievance, state }) => (
          <tr key={id}>
            <td>{dueDate ?? 'held open'}</td>
            <td>
              {act.toLowerCase()}, step {step}
            </td>
            <td>{party.toLowerCase()}</td>
            <td>{grievance?.grievanceNumber}</td>
            <td>{grievance?.member?.fullName}</td>
            <td>{state.toLowerCase()}</td>
          </tr>
        ))}
      </tbody>
      {problem && (
        <tfoot>
          <tr>
            <td colSpan={6} role="alert">
              {problem}
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}
