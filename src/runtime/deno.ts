/**
 * Serves the app and its sockets under Deno: through Deno's `node:http` and the same `ws` as on Node. Deno's own
 * `upgradeWebSocket` takes messages of any size before it hands them over (denoland/deno#15809), so it cannot keep the 64 KiB cap.
 */
export { connInfo, type ServeOptions, type Serving, serve, upgradeWebSocket } from './node.ts';
