// The first script of the page: opens the windows that playground/windows.json describes. The page may stand under a prefix.
const { instanceStorageNamespace, ...options } = await (await fetch(new URL('playground/windows.json', location.href))).json();
const endpointURL = new URL('graphql', location.href).href;
const subscriptionsEndpoint = endpointURL.replace(/^http/, 'ws');
const windows = options.initialWindows.map((each) => ({ ...each, endpointURL, subscriptionsEndpoint }));

AltairGraphQL.init({ ...options, instanceStorageNamespace, endpointURL, subscriptionsEndpoint, initialWindows: windows });
await arrangeOnce();

// What a person does in the windows stays in the browser. Only at the very first start, where the last window that was made
// is open and all variables are folded, this unfolds what is to be seen, and begins the story with the first window.
async function arrangeOnce() {
  const key = `${instanceStorageNamespace}arranged`;
  if (localStorage.getItem(key)) return;
  localStorage.setItem(key, 'yes');
  await until(() => isOpen(windows.length - 1));
  for (const [index, { initialVariables }] of [...windows.entries()].reverse()) {
    if (!initialVariables && index > 0) continue;
    await open(index);
    if (initialVariables) variables().click();
  }
}

async function open(index) {
  if (isOpen(index)) return;
  const before = variables();
  tabs()[index].click();
  await until(() => isOpen(index) && variables() !== before);
}

function tabs() {
  return document.querySelectorAll('app-window-switcher-item .window-switcher__item');
}

function variables() {
  return document.querySelector('app-window .variables-editor--title');
}

function isOpen(index) {
  return Boolean(tabs()[index]?.matches('.window-switcher__item--active') && variables());
}

async function until(isSo) {
  for (let tries = 0; tries < 200 && !isSo(); tries += 1) await new Promise((resume) => setTimeout(resume, 25));
}
