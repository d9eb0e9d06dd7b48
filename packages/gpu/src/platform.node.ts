/** Node has no WebGPU of its own; the package `webgpu` (Dawn) brings it. */
export interface Platform {
  /** WebGPU, or why there is none and what to do. */
  readonly webgpu: GPU | { readonly reason: string; readonly hint: string }
  /** The renderer behind a WebGL 2 context with float textures. */
  readonly webgl2: string | undefined
}

/** Kept for good: adapters and devices die with it. */
let instance: GPU | undefined

export async function findPlatform(): Promise<Platform> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (own) return { webgpu: own, webgl2: undefined }
  try {
    instance ??= (await import('webgpu')).create([])
    return { webgpu: instance, webgl2: undefined }
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ERR_MODULE_NOT_FOUND'
    return {
      webgpu: {
        reason: missing ? "the package 'webgpu' is not installed" : `the package 'webgpu' does not load: ${String(cause)}`,
        hint: "npm install webgpu (and a driver for Vulkan, Metal or Direct3D 12; on Linux libvulkan1 and the card's driver)",
      },
      webgl2: undefined,
    }
  }
}

/** What to do when WebGPU is there, but no device. */
export const noAdapterHint =
  "install a Vulkan driver for the card (`vulkaninfo --summary` should list it); on Linux the loader is 'libvulkan1'"
