import { createClient, WhoAmIDocument, type WhoAmIQuery } from 'unionhall-client';
import { useCallback, useEffect, useState } from 'react';
import { Applications } from './applications';
import { Deadlines } from './deadlines';
import { SignIn } from './signin';

/** Tells the page that the session has ended in any tab. */
let over = (): void => {};
const client = createClient({ url: '/graphql', keep: 'cookie', onSignedOut: () => over() });

export function Page() {
  const [viewer, setViewer] = useState<WhoAmIQuery | null | 'not known yet'>('not known yet');

  const look = useCallback(async () => {
    const answer = await client.ask(WhoAmIDocument);
    setViewer(answer.ok ? answer.data : null);
  }, []);

  useEffect(() => {
    over = () => setViewer(null);
    void client.resume().then((is) => (is ? look() : setViewer(null)));
  }, [look]);

  if (viewer === 'not known yet') return null;
  if (viewer?.me == null) return <SignIn client={client} onSignedIn={look} />;
  const may = (operation: string) => viewer.permissions.some((each) => each.operation === operation && each.isAllowed);
  return (
    <main>
      <header>
        <h1>Benevolence fund</h1>
        <p>
          {viewer.me.fullName} <button onClick={() => void client.signOut()}>Sign out</button>
        </p>
      </header>
      {may('deadlines') && <Deadlines client={client} />}
      {may('benevolenceApplications') ? <Applications client={client} /> : <p>None of your roles sees applications.</p>}
    </main>
  );
}
