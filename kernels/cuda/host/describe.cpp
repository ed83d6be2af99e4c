#include <string>

#include "cuda/cuda.h"
#include "cuda/host/device.h"
#include "cuda/host/images.h"
#include "ops/json.h"

namespace ridgepoint::cuda {
namespace {

void describe_device(ops::Json& json) {
  const Device& device = Device::get();
  const auto number = [&](const char* name, double value) { json.key(name).number(value); };
  json.open('{').key("name").text(device.name());
  number("capability", device.capability() / 10.0);
  // 12040 is 12.4.
  number("driver", device.driver_version() / 1000 + device.driver_version() % 1000 / 100.0);
  json.key("image").text(device.image());
  number("memoryBytes", static_cast<double>(device.memory_bytes()));
  number("processors", device.attribute(kProcessors));
  number("cacheBytes", device.attribute(kCacheBytes));
  number("clockHertz", 1e3 * device.attribute(kClockKilohertz));
  number("memoryClockHertz", 1e3 * device.attribute(kMemoryClockKilohertz));
  number("memoryBusBits", device.attribute(kMemoryBusBits));
  json.close('}');
}

}  // namespace
}  // namespace ridgepoint::cuda

using namespace ridgepoint;
using namespace ridgepoint::cuda;

const char* ridge_cuda_describe(void) {
  static thread_local std::string kept;
  const std::string absent = Device::absent();
  ops::Json json;
  json.open('{').key("absent");
  if (absent.empty()) {
    json.null();
  } else {
    json.text(absent);
  }
  json.key("images").open('[');
  for (const std::string& name : image_names()) json.text(name);
  json.close(']').key("device");
  if (absent.empty()) {
    describe_device(json);
  } else {
    json.null();
  }
  kept = json.close('}').str();
  return kept.c_str();
}
