// Starts Swagger UI, with what makes its "Try it out" work here: who one is, event streams, and keys for retries.

// It shows the descriptions of the document as HTML, cleaned by DOMPurify. So HTML is taken from text here, where all of
// it is our own document; scripts, and addresses of scripts, are not.
if (window.trustedTypes) trustedTypes.createPolicy('default', { createHTML: (html) => html });

/** Event streams do not end. They are shown as far as they have come after this time. */
const LISTEN_MS = 3000;

/** The document as Swagger UI can show it. */
function forSwagger(key, value) {
  // It compiles patterns without the flag `u`, which those of names need. The server still checks names and says what is wrong.
  if (key === 'pattern' && typeof value === 'string' && !isPattern(value)) return undefined;
  // It would fill in the example: a key that makes the second request the first one again, a position of another history.
  if (value?.in === 'header' && value.name) return { ...value, example: undefined };
  return value;
}

function isPattern(text) {
  try {
    return Boolean(new RegExp(text));
  } catch {
    return false;
  }
}

/** Fetches an answer; of an event stream what comes within a few seconds. */
async function fetchSome(url, request) {
  const answer = await fetch(url, request);
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  setTimeout(() => reader.cancel(), LISTEN_MS);
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  return new Response(text, { status: answer.status, headers: answer.headers });
}

/** Asks the server about the account, with the cookie of the login. */
async function ask(method, path, body) {
  const headers = body ? { 'Content-Type': 'application/json' } : {};
  const answer = await fetch(`api/chat/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const said = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? `The server answered ${answer.status}.`);
  return said;
}

const [signIn, signOut, who] = ['sign-in', 'sign-out', 'who'].map((id) => document.getElementById(id));
let isGuest = false;

/** Shows who requests are made as; null: nobody. */
function become(name) {
  signIn.hidden = name !== null;
  signOut.hidden = name === null;
  who.textContent = name === null ? 'You are signed out.' : `You are ${name}${isGuest ? ', a guest' : ''}.`;
}

function enter(ui, name, password) {
  isGuest = password === '';
  if (!isGuest) return ask('POST', 'account/login', { username: name, password });
  ui.preauthorizeApiKey('guest', name);
  return ask('GET', `me?username=${encodeURIComponent(name)}`);
}

function leave(ui) {
  if (!isGuest) return ask('POST', 'account/logout');
  ui.authActions.logout(['guest']);
}

/** Does what a form is for, and says what went wrong. */
function onSubmit(form, act) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    Promise.resolve(act()).catch((error) => (who.textContent = error.message));
  });
}

async function start() {
  const spec = JSON.parse(await (await fetch('openapi.json')).text(), forSwagger);
  // The server may stand below a prefix, which the document does not know.
  spec.servers = [{ url: new URL('.', location.href).href.replace(/\/$/, '') }];
  const ui = SwaggerUIBundle({
    dom_id: '#ui',
    spec,
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: (request) => Object.assign(request, { userFetch: fetchSome }),
  });
  onSubmit(signIn, async () => {
    const { name, password } = signIn.elements;
    const { username } = await enter(ui, name.value.trim(), password.value);
    password.value = '';
    become(username);
  });
  onSubmit(signOut, async () => {
    await leave(ui);
    become(null);
  });
  // Whoever has logged in on the page of the chat is so here; the page remembers that. Nobody else is asked about.
  if (localStorage.getItem('chat.login')) ask('GET', 'me').then(({ username }) => become(username), () => {});
}

start();
