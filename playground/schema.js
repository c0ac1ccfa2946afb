// Draws the schema of this service. The page may stand under a path prefix, so addresses are relative.
const { renderVoyager, voyagerIntrospectionQuery } = globalThis.GraphQLVoyager;
const response = await fetch(new URL('../graphql', location.href), {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: voyagerIntrospectionQuery }),
});
const graph = document.getElementById('graph');
const { data } = await response.json();
if (data) renderVoyager(graph, { introspection: { data }, displayOptions: { skipRelay: true } });
else graph.textContent = 'This service does not show its schema: introspection is off.';
