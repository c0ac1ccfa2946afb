import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Makes the page and the service one site for the browser, as behind a reverse proxy, so that the refresh token stays
// in its cookie.
const proxy = { '/graphql': process.env.UNIONHALL_URL ?? 'http://127.0.0.1:4000' };

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
