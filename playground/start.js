// The first script of the playground: opens the windows that windows.json describes. The page may stand under a prefix.
import './keyboard.js';

const { instanceStorageNamespace, ...options } = await (await fetch(new URL('windows.json', location.href))).json();
const endpointURL = new URL('../graphql', location.href).href;
const subscriptionsEndpoint = endpointURL.replace(/^http/, 'ws');
const windows = options.initialWindows.map((each) => ({ ...each, endpointURL, subscriptionsEndpoint }));
const parameters = new URLSearchParams(location.search);
const arranged = `${instanceStorageNamespace}arranged`;

AltairGraphQL.init({ ...options, instanceStorageNamespace, endpointURL, subscriptionsEndpoint, initialWindows: windows });
addEventListener('click', sendWhatIsInView, { capture: true });
await openOne();
await saveCollection();

// The browser keeps the user's changes to the windows. At the first start, the last window is open.
async function openOne() {
  const isFirstStart = !localStorage.getItem(arranged);
  localStorage.setItem(arranged, 'yes');
  if (isFirstStart) await until(() => tabs().length === windows.length && isOpen(tabs().at(-1)));
  const title = parameters.get('open') ?? (isFirstStart ? windows[0].initialName : null);
  if (title === null) return;
  await until(() => tabs().length > 0);
  tabs()
    .find((tab) => nameOf(tab) === title)
    ?.click();
}

// A closed window can be opened again from the collection "Examples".
async function saveCollection() {
  const db = await new Promise((resolve, reject) => {
    const request = indexedDB.open('AltairDB');
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
  const now = Date.now();
  const stored = { storageType: 'local', created_at: now, updated_at: now };
  const queries = windows.map((each, index) => ({ ...stored, id: `example-${index}`, ...savedAs(each) }));
  const collection = { ...stored, id: 'examples', title: 'Examples', workspaceId: 'local', parentPath: '', queries };
  db.transaction('queryCollections', 'readwrite').objectStore('queryCollections').put(collection);
  db.close();
}

function savedAs(window) {
  return {
    version: 1,
    type: 'window',
    windowName: window.initialName,
    apiUrl: endpointURL,
    subscriptionUrl: subscriptionsEndpoint,
    query: window.initialQuery,
    variables: window.initialVariables ?? '{}',
    headers: Object.entries(window.initialHeaders ?? {}).map(([key, value]) => ({ key, value, enabled: true })),
    preRequestScript: window.initialPreRequestScript ?? '',
    preRequestScriptEnabled: Boolean(window.initialPreRequestScript),
    postRequestScript: window.initialPostRequestScript ?? '',
    postRequestScriptEnabled: Boolean(window.initialPostRequestScript),
    subscriptionConnectionParams: JSON.stringify(window.initialSubscriptionsPayload ?? {}),
    subscriptionRequestHandlerId: window.initialSubscriptionRequestHandlerId,
    subscriptionUseDefaultRequestHandler: !window.initialSubscriptionRequestHandlerId,
  };
}

// Altair refuses to send a window with several operations until one is chosen. This chooses the first visible one.
function sendWhatIsInView(event) {
  const button = event.target.closest?.('.send-request__button');
  if (button?.innerText.trim() !== 'Send Request') return;
  const editor = button.closest('app-window').querySelector('app-query-editor .cm-scroller').getBoundingClientRect();
  const isInView = (widget) => {
    const { top, bottom } = widget.getBoundingClientRect();
    return top >= editor.top && bottom <= editor.bottom;
  };
  const shown = [...button.closest('app-window').querySelectorAll('.query-editor__line-widget')].find(isInView);
  if (!shown) return;
  event.preventDefault();
  event.stopPropagation();
  shown.click();
}

function tabs() {
  return [...document.querySelectorAll('app-window-switcher-item .window-switcher__item')];
}

function nameOf(tab) {
  return tab.querySelector('.window-switcher__input').innerText.trim();
}

function isOpen(tab) {
  return tab.matches('.window-switcher__item--active');
}

async function until(isSo) {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resume) => setTimeout(resume, 25));
}
