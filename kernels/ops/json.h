// Writes JSON, as little of it as the interface needs.
#pragma once

#include <string>

namespace ridgepoint::ops {

class Json {
 public:
  Json& open(char bracket);
  Json& close(char bracket);
  Json& key(const char* name);
  Json& text(const std::string& value);
  Json& number(double value);
  Json& truth(bool value);
  Json& null();
  const std::string& str() const { return out_; }

 private:
  void separate();
  std::string out_;
};

}  // namespace ridgepoint::ops
