import type { Client } from 'unionhall-client';
import { useState, type FormEvent } from 'react';

export function SignIn({ client, onSignedIn }: { client: Client; onSignedIn: () => Promise<void> }) {
  const [problem, setProblem] = useState<string | null>(null);
  const [challenge, setChallenge] = useState<string | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? '');
    const answer =
      challenge === null
        ? await client.signIn({ identifier: text('login'), password: text('password') })
        : await client.completeSignIn(challenge, text('code'));
    if (!answer.ok) setProblem(answer.failure.message);
    else if (answer.data.kind === 'second factor') setChallenge(answer.data.challenge);
    else await onSignedIn();
  }

  return (
    <main>
      <h1>Sign in</h1>
      <form onSubmit={(event) => void submit(event)}>
        {challenge === null ? (
          <>
            <label>
              Username or address <input name="login" autoComplete="username" required />
            </label>
            <label>
              Password <input name="password" type="password" autoComplete="current-password" required />
            </label>
          </>
        ) : (
          <label>
            Code of your authenticator app <input name="code" autoComplete="one-time-code" inputMode="numeric" required />
          </label>
        )}
        <button>Sign in</button>
        {problem && <p role="alert">{problem}</p>}
      </form>
    </main>
  );
}
