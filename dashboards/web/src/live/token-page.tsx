import { useState } from 'preact/hooks';

interface TokenProps {
  /** The coordinator's own sentence. */
  readonly reason: string;
  onToken(token: string): void;
}

/** Asks for a token. It stays in this tab, and is sent to this coordinator alone. */
export function TokenPage({ reason, onToken }: TokenProps) {
  const [token, setToken] = useState('');
  return (
    <main class="live">
      <h1 tabIndex={-1}>Who is reading?</h1>
      <p class="empty" role="alert">
        {reason}
      </p>
      <form
        class="token"
        onSubmit={(event) => {
          event.preventDefault();
          onToken(token.trim());
        }}
      >
        <label>
          <span>Token with the scope read</span>
          <input
            type="password"
            name="token"
            autocomplete="off"
            spellcheck={false}
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="plain" disabled={token.trim() === ''}>
          Open
        </button>
      </form>
    </main>
  );
}
