/** The page that links in mails lead to: confirms an address, chooses a new password, or joins a workspace. */

const pages = {
  confirm: {
    title: 'Confirm your mail address',
    label: 'The password you chose',
    autocomplete: 'current-password',
    hint: '',
    path: '/api/v1/auth/confirm',
    done: 'Your address is confirmed. You can sign in now.',
  },
  reset: {
    title: 'Choose a new password',
    label: 'New password',
    autocomplete: 'new-password',
    hint: 'At least 12 characters: a few words that do not belong together are a good one.',
    path: '/api/v1/auth/password/reset',
    done: 'Your password is changed. Sign in with it.',
  },
  address: {
    title: 'Confirm your new mail address',
    label: 'Your password',
    autocomplete: 'current-password',
    hint: '',
    path: '/api/v1/auth/email/confirm',
    done: 'Your address is changed. Sign in with it from now on.',
  },
  join: {
    title: 'Join the workspace',
    label: 'Choose a password',
    autocomplete: 'new-password',
    hint: 'At least 12 characters: a few words that do not belong together are a good one.',
    path: '/api/v1/auth/members/join',
    done: 'You have joined. You can sign in now.',
  },
};

const page = pages[location.pathname.split('/').at(-1)];
const token = new URLSearchParams(location.hash.slice(1)).get('token');
// The token must not stay in the address, where it could be copied along.
history.replaceState(null, '', location.pathname);

const element = (id) => document.getElementById(id);
const say = (text) => {
  element('outcome').textContent = text;
};

if (page === undefined || token === null) say('Open the link of the mail again: it is not whole.');
else {
  document.title = page.title;
  element('title').textContent = page.title;
  element('label').textContent = page.label;
  element('hint').textContent = page.hint;
  element('password').autocomplete = page.autocomplete;
  element('show').addEventListener('change', ({ target }) => {
    element('password').type = target.checked ? 'text' : 'password';
  });
  element('form').hidden = false;
  element('form').addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
}

/** Says what is wrong, and leads back to the field. */
function refuse(text) {
  say(text);
  element('password').setAttribute('aria-invalid', 'true');
  element('password').focus();
}

async function submit() {
  const button = element('form').querySelector('button');
  button.disabled = true;
  element('password').removeAttribute('aria-invalid');
  say('');
  try {
    const response = await fetch(page.path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, password: element('password').value }),
    });
    if (response.ok) {
      element('form').hidden = true;
      return say(page.done);
    }
    const { error } = await response.json();
    refuse(error.details?.issues?.[0]?.message ?? error.message);
  } catch {
    // No answer at all: the person can only try again.
    refuse('Try again: the server cannot be reached.');
  } finally {
    button.disabled = false;
  }
}
