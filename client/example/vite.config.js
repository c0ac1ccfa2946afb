import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The page and the service are one site to the browser, as behind a proxy of your own: the refresh token stays in its cookie.
const proxy = { '/graphql': process.env.UNIONHALL_URL ?? 'http://127.0.0.1:4000' };

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
