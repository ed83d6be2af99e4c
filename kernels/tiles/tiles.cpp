#include "tiles/tiles.h"

#include "cpu/features.h"

#if defined(__x86_64__) && defined(__GNUC__)

// As bytes, for compilers that do not know AMX yet build the rest: Intel's manual, volume 2, STTILECFG and LDTILECFG of [rdi].
#define RIDGE_STTILECFG_RDI ".byte 0xc4, 0xe2, 0x79, 0x49, 0x07"
#define RIDGE_LDTILECFG_RDI ".byte 0xc4, 0xe2, 0x78, 0x49, 0x07"

int32_t ridge_tiles_here(void) {
  return (ridgepoint::detected_features() & ridgepoint::features({ridgepoint::kFeatureAmxTile})) != 0;
}

void ridge_tiles_read(uint8_t* layout) { __asm__ volatile(RIDGE_STTILECFG_RDI : : "D"(layout) : "memory"); }

void ridge_tiles_set(const uint8_t* layout) { __asm__ volatile(RIDGE_LDTILECFG_RDI : : "D"(layout) : "memory"); }

#else

int32_t ridge_tiles_here(void) { return 0; }
void ridge_tiles_read(uint8_t*) {}
void ridge_tiles_set(const uint8_t*) {}

#endif
