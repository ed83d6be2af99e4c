// The compiled kernels: files beside this library, made by scripts/build-cuda.mjs.
#pragma once

#include <string>
#include <vector>

namespace ridgepoint::cuda {

struct Image {
  std::string name;
  // PTX ends with a zero.
  std::vector<char> bytes;
};

// What a GPU of this compute capability (times ten) can load, best first: machine code of its generation, no newer than it
// is, then PTX.
std::vector<Image> images_for(int capability);
// Names of all files that are there.
std::vector<std::string> image_names();
// Why there are none, and what to do.
std::string no_images();

}  // namespace ridgepoint::cuda
