import type { Platform } from './platform.node.ts'

export async function findPlatform(): Promise<Platform> {
  const { gpu } = navigator as { gpu?: GPU }
  return {
    webgpu: gpu ?? {
      reason: isSecureContext ? 'this browser has no WebGPU' : 'WebGPU needs a secure page (https, or localhost)',
      hint: 'a current Chrome, Edge, Firefox or Safari has WebGPU; chrome://gpu says why it is off',
    },
    webgl2: renderer(),
  }
}

function renderer(): string | undefined {
  try {
    const gl = new OffscreenCanvas(1, 1).getContext('webgl2')
    if (!gl?.getExtension('EXT_color_buffer_float')) return undefined
    const info = gl.getExtension('WEBGL_debug_renderer_info')
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER))
  } catch {
    return undefined
  }
}

/** What to do when WebGPU is there, but no device. */
export const noAdapterHint = 'chrome://gpu says why; hardware acceleration may be switched off in the settings'
