// Removes what the playground stored in this browser. Its page is closed now, so that it cannot write it again.
document.getElementById('restore').addEventListener('click', () => {
  for (const key of Object.keys(localStorage)) if (/^(unionhall_|altair)/.test(key)) localStorage.removeItem(key);
  const request = indexedDB.deleteDatabase('AltairDB');
  const reopen = () => location.replace(new URL('./', location.href));
  for (const event of ['success', 'error', 'blocked']) request.addEventListener(event, reopen);
});
