import { BackendError, DeviceLostError } from '@typegrad/tensor'

/**
 * The device is gone (driver reset, GPU unplugged, browser reclaiming it), and with it all that lay on it. Ask for the
 * backend again with `useBackend('gpu')` and upload the last weights that the host has.
 */
export class GpuDeviceLostError extends DeviceLostError {}

/** A tensor was used whose device memory is free already: by the end of the scope that made it, or with its backend. */
export class GpuFreedError extends BackendError {}
