#include "tidings/service/names.hpp"

namespace tidings {

std::string in_namespace(std::string_view name_space, std::string_view name) {
  if (name_space.empty()) return std::string(name);
  return std::string(name_space) + "." + std::string(name);
}

std::string group_of(std::string_view service, std::string_view handler) {
  return std::string(service) + "." + std::string(handler);
}

std::string replies_of(std::string_view service) {
  return std::string(service) + ".replies";
}

std::string dead_letters_of(std::string_view group) {
  return std::string(group) + ".dead-letters";
}

}  // namespace tidings
