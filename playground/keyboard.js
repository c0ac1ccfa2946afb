// Makes mouse-only parts of Altair accessible by keyboard, and marks a response with errors.
const buttons = [
  '.window-switcher__input',
  '.header__menu-item',
  '.side-menu-item[track-id]',
  '.query-editor__line-widget',
  '.variables-editor--title',
  '.ant-dropdown-menu-item',
  '.doc-viewer-navigation__option',
  '.no-link-link',
].join();
const menuItem = '.ant-dropdown-menu-item';
/** Menu entries that do not concern this service. */
const foreign = /^\s*(No environment|Star on GitHub|Report a bug)\s*$/;
let opener = null;
let isOpening = false;

new MutationObserver(() => {
  for (const each of document.querySelectorAll(buttons)) {
    if (each.hasAttribute('tabindex')) continue;
    each.tabIndex = 0;
    each.role = each.matches(menuItem) ? 'menuitem' : 'button';
    each.hidden = each.matches(menuItem) && foreign.test(each.textContent);
  }
  if (isOpening) focusFirst();
  markErrors();
}).observe(document.body, { childList: true, subtree: true, characterData: true });

addEventListener('keydown', onKey, { capture: true });

function onKey(event) {
  const { target, key } = event;
  if (!target.matches?.(buttons) || target.isContentEditable) return;
  if (key === 'Enter' || key === ' ') press(target);
  else if (key === 'Escape' && opener) close();
  else if (target.matches(menuItem) && ['ArrowDown', 'ArrowUp'].includes(key)) move(target, key === 'ArrowDown' ? 1 : -1);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function press(target) {
  if (target.matches(menuItem)) {
    target.click();
    close();
  } else {
    isOpening = target.matches('.ant-dropdown-trigger');
    opener = isOpening ? target : null;
    target.click();
  }
}

function focusFirst() {
  const all = items();
  if (all.length === 0) return;
  isOpening = false;
  (all.find((item) => item.matches('.active')) ?? all[0]).focus();
}

// A click on the trigger closes its menu.
function close() {
  const trigger = opener;
  opener = null;
  if (items().length > 0) trigger?.click();
  trigger?.focus();
}

function move(from, by) {
  const all = items();
  all[(all.indexOf(from) + by + all.length) % all.length]?.focus();
}

function items() {
  return [...document.querySelectorAll(`.cdk-overlay-container ${menuItem}`)].filter((item) => item.offsetParent !== null);
}

// Errors have HTTP status 200 too. The editor only renders visible lines, so the mark stays while the first line is
// hidden.
function markErrors() {
  for (const result of document.querySelectorAll('app-query-result')) {
    const [first, second] = result.querySelectorAll('.cm-content .cm-line');
    const status = result.querySelector('.response-status-code');
    if (!status || first?.textContent !== '{') continue;
    status.toggleAttribute('data-has-errors', second?.textContent.trim().startsWith('"errors"') ?? false);
  }
}
