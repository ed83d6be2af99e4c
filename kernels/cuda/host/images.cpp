#include "cuda/host/images.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ridgepoint::cuda {

namespace {

namespace fs = std::filesystem;

fs::path own_library() {
#if defined(_WIN32)
  HMODULE module = nullptr;
  char path[MAX_PATH] = {};
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                     reinterpret_cast<const char*>(&images_for), &module);
  GetModuleFileNameA(module, path, sizeof path);
  return path;
#else
  Dl_info info = {};
  dladdr(reinterpret_cast<const void*>(&images_for), &info);
  return info.dli_fname == nullptr ? "" : info.dli_fname;
#endif
}

fs::path folder() {
  const char* given = std::getenv("RIDGEPOINT_CUDA_IMAGES");
  return given != nullptr && *given != 0 ? fs::path(given) : own_library().parent_path() / "cuda";
}

// `ridgepoint-sm_90.cubin` → 90; 0 for PTX.
int architecture(const std::string& name) {
  const size_t at = name.find("-sm_");
  return at == std::string::npos ? 0 : std::atoi(name.c_str() + at + 4);
}

}  // namespace

std::vector<std::string> image_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder(), ignored)) {
    const std::string kind = entry.path().extension().string();
    if (kind == ".cubin" || kind == ".ptx") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Image> images_for(int capability) {
  std::vector<std::string> names = image_names();
  // Machine code runs on its own generation, at its own step and later ones. PTX goes last: its architecture reads as 0.
  const auto useless = [&](const std::string& name) {
    const int made_for = architecture(name);
    return made_for != 0 && (made_for / 10 != capability / 10 || made_for > capability);
  };
  names.erase(std::remove_if(names.begin(), names.end(), useless), names.end());
  std::stable_sort(names.begin(), names.end(),
                   [](const std::string& a, const std::string& b) { return architecture(a) > architecture(b); });
  std::vector<Image> images;
  for (const std::string& name : names) {
    std::ifstream file(folder() / name, std::ios::binary);
    Image image{name, {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}};
    image.bytes.push_back(0);
    images.push_back(std::move(image));
  }
  return images;
}

std::string no_images() {
  return "the CUDA kernels are not in " + folder().string() +
         "; `node scripts/build-cuda.mjs` builds them where nvcc is found, and releases carry them";
}

}  // namespace ridgepoint::cuda
