import { defineConfig } from 'vite'

// These headers make a page cross-origin isolated, which is what shared memory, and so threads, need.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export default defineConfig({
  server: { headers },
  preview: { headers },
  build: { target: 'es2022' },
  worker: { format: 'es' },
})
