/**
 * How the page is built: plain files under /ui/, nothing inline, so that the server's content
 * security policy (`default-src 'self'`) holds without an exception.
 */
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/ui/',
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    // `npm run dev` beside a running `vigil serve`: sign in there first, the cookie is shared.
    proxy: {
      '/api': 'http://127.0.0.1:8082',
      '/ws': { target: 'ws://127.0.0.1:8082', ws: true },
    },
  },
});
