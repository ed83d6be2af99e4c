// All kernels in one translation unit: one image for each architecture. They have run on the emulated GPU alone so far,
// never on a real one (README.md).
#include "activations.cu"
#include "attention-decode.cu"
#include "attention-prefill.cu"
#include "grouped.cu"
#include "latent.cu"
#include "matmul-2of4.cu"
#include "matmul.cu"
#include "matvec.cu"
#include "peaks-warpgroup.cu"
#include "peaks.cu"
#include "rowwise.cu"
#include "stream.cu"
