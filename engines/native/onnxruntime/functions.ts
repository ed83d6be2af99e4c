/**
 * The functions of ONNX Runtime's C API that are called here: place in `struct OrtApi`, the release (1.x)
 * that brought it, and the kinds of its arguments. The struct is append-only ("This struct is only ever
 * appended to", onnxruntime_c_api.h), so that a place holds in every later release.
 * `test/unit/native/onnxruntime-table.test.ts` holds the table against a header.
 *
 * Arguments: p = pointer or typed array, s = text, f = path of a file, i = int32, z = size_t.
 */
export const FUNCTIONS = {
  GetErrorCode: [1, 0, 'p'],
  GetErrorMessage: [2, 0, 'p'],
  CreateEnv: [3, 0, 'isp'],
  CreateSession: [7, 0, 'pfpp'],
  CreateSessionFromArray: [8, 0, 'ppzpp'],
  Run: [9, 0, 'ppppzpzp'],
  CreateSessionOptions: [10, 0, 'p'],
  SetSessionExecutionMode: [13, 0, 'pi'],
  EnableProfiling: [14, 0, 'pf'],
  EnableMemPattern: [16, 0, 'p'],
  DisableMemPattern: [17, 0, 'p'],
  EnableCpuMemArena: [18, 0, 'p'],
  DisableCpuMemArena: [19, 0, 'p'],
  SetSessionGraphOptimizationLevel: [23, 0, 'pi'],
  SetIntraOpNumThreads: [24, 0, 'pi'],
  SetInterOpNumThreads: [25, 0, 'pi'],
  SessionGetInputCount: [30, 0, 'pp'],
  SessionGetOutputCount: [31, 0, 'pp'],
  SessionGetOverridableInitializerCount: [32, 0, 'pp'],
  SessionGetInputTypeInfo: [33, 0, 'pzp'],
  SessionGetOutputTypeInfo: [34, 0, 'pzp'],
  SessionGetOverridableInitializerTypeInfo: [35, 0, 'pzp'],
  SessionGetInputName: [36, 0, 'pzpp'],
  SessionGetOutputName: [37, 0, 'pzpp'],
  SessionGetOverridableInitializerName: [38, 0, 'pzpp'],
  CreateRunOptions: [39, 0, 'p'],
  CreateTensorWithDataAsOrtValue: [49, 0, 'ppzpzip'],
  GetTensorMutableData: [51, 0, 'pp'],
  CastTypeInfoToTensorInfo: [55, 0, 'pp'],
  GetTensorElementType: [60, 0, 'pp'],
  GetDimensionsCount: [61, 0, 'pp'],
  GetDimensions: [62, 0, 'ppz'],
  GetSymbolicDimensions: [63, 0, 'ppz'],
  GetTensorTypeAndShape: [65, 0, 'pp'],
  CreateCpuMemoryInfo: [69, 0, 'iip'],
  MemoryInfoGetName: [71, 0, 'pp'],
  AllocatorAlloc: [75, 0, 'pzp'],
  AllocatorFree: [76, 0, 'pp'],
  GetAllocatorWithDefaultOptions: [78, 0, 'p'],
  ReleaseStatus: [93, 0, 'p'],
  ReleaseMemoryInfo: [94, 0, 'p'],
  ReleaseSession: [95, 0, 'p'],
  ReleaseValue: [96, 0, 'p'],
  ReleaseRunOptions: [97, 0, 'p'],
  ReleaseTypeInfo: [98, 0, 'p'],
  ReleaseTensorTypeAndShapeInfo: [99, 0, 'p'],
  ReleaseSessionOptions: [100, 0, 'p'],
  SessionEndProfiling: [110, 0, 'ppp'],
  GetAvailableProviders: [125, 0, 'pp'],
  ReleaseAvailableProviders: [126, 0, 'pi'],
  AddSessionConfigEntry: [130, 0, 'pss'],
  CreateAllocator: [131, 0, 'ppp'],
  ReleaseAllocator: [132, 0, 'p'],
  RunWithBinding: [133, 0, 'ppp'],
  CreateIoBinding: [134, 0, 'pp'],
  ReleaseIoBinding: [135, 0, 'p'],
  BindInput: [136, 0, 'ppp'],
  BindOutputToDevice: [138, 0, 'ppp'],
  GetBoundOutputValues: [140, 0, 'pppp'],
  CreateAndRegisterAllocator: [144, 0, 'ppp'],
  ReleaseArenaCfg: [157, 0, 'p'],
  CreateArenaCfgV2: [164, 0, 'ppzp'],
  AddRunConfigEntry: [165, 0, 'pss'],
  SessionOptionsAppendExecutionProvider_TensorRT_V2: [170, 0, 'pp'],
  CreateTensorRTProviderOptions: [171, 0, 'p'],
  UpdateTensorRTProviderOptions: [172, 0, 'pppz'],
  ReleaseTensorRTProviderOptions: [174, 0, 'p'],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, 11, 'pp'],
  CreateCUDAProviderOptions: [205, 11, 'p'],
  UpdateCUDAProviderOptions: [206, 11, 'pppz'],
  ReleaseCUDAProviderOptions: [208, 11, 'p'],
  SessionOptionsAppendExecutionProvider: [216, 12, 'psppz'],
  MemoryInfoGetDeviceType: [225, 14, 'pp'],
  RegisterExecutionProviderLibrary: [301, 22, 'psf'],
  GetEpDevices: [303, 22, 'ppp'],
  SessionOptionsAppendExecutionProvider_V2: [304, 22, 'pppzppz'],
  EpDevice_EpName: [312, 22, 'p'],
  SessionGetMemoryInfoForInputs: [380, 23, 'ppz'],
  SessionGetMemoryInfoForOutputs: [381, 23, 'ppz'],
  Session_GetEpGraphAssignmentInfo: [407, 24, 'ppp'],
  EpAssignedSubgraph_GetEpName: [408, 24, 'pp'],
  EpAssignedSubgraph_GetNodes: [409, 24, 'ppp'],
  EpAssignedNode_GetOperatorType: [412, 24, 'pp'],
} as const satisfies Readonly<Record<string, readonly [place: number, since: number, args: string]>>;

export type FunctionName = keyof typeof FUNCTIONS;

/** The release whose header the table was held against; older libraries lack what came later. */
export const NEWEST = 24;

/** Older ones cannot append providers by name, and nobody publishes them any more. */
export const OLDEST = 16;

/**
 * What a function gives beside a status: text, a number, or nothing. All others give a status, null where all
 * went well.
 */
export const PLAIN_RESULTS: Readonly<Partial<Record<FunctionName, 'str' | 'int32_t' | 'void'>>> = {
  GetErrorCode: 'int32_t',
  GetErrorMessage: 'str',
  EpDevice_EpName: 'str',
  MemoryInfoGetDeviceType: 'void',
  ReleaseStatus: 'void',
  ReleaseMemoryInfo: 'void',
  ReleaseSession: 'void',
  ReleaseValue: 'void',
  ReleaseRunOptions: 'void',
  ReleaseTypeInfo: 'void',
  ReleaseTensorTypeAndShapeInfo: 'void',
  ReleaseSessionOptions: 'void',
  ReleaseAllocator: 'void',
  ReleaseIoBinding: 'void',
  ReleaseArenaCfg: 'void',
  ReleaseTensorRTProviderOptions: 'void',
  ReleaseCUDAProviderOptions: 'void',
};
