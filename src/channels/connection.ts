/** One open socket as a channel sees it, whatever the runtime. */

/** The sending half. Calls on a closed connection do nothing. */
export interface Connection {
  /** Sends one text frame. */
  send(text: string): void;
  /** Starts the closing handshake (RFC 6455 §7.1.2); a peer that does not answer is cut off. */
  close(code: number, reason: string): void;
  /** Bytes accepted by `send` and not yet taken by the network. */
  bufferedAmount(): number;
}

/** The hearing half. The runtime calls `onClose` exactly once, and nothing after it. */
export interface SocketHandlers {
  onText(text: string): void;
  onBinary(): void;
  onClose(): void;
}

/** A socket the server can ask to leave. */
export interface ServedSocket extends SocketHandlers {
  /** Tells the client when to come back, in milliseconds, and closes with 1001. */
  leave(retryAfterMs: number): void;
  /** The creator has changed the widget's configuration. */
  configChanged(version: number): void;
  /** The session behind it has ended: closes with 4401. */
  endSession(): void;
}
