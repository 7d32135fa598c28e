#include "tidings/event/event_type.hpp"

#include <mutex>
#include <typeindex>
#include <unordered_map>

namespace tidings {

std::uint32_t number_of(const EventType& type) {
  if (const auto known = type.number->load(std::memory_order_relaxed); known != 0) return known;
  // By type_info, since a shared object built with hidden visibility has an `event_number` of its own.
  static std::mutex mutex;
  static std::unordered_map<std::type_index, std::uint32_t> numbers;
  const std::scoped_lock lock(mutex);
  const auto next = static_cast<std::uint32_t>(numbers.size() + 1);
  const auto number = numbers.try_emplace(std::type_index(*type.type), next).first->second;
  type.number->store(number, std::memory_order_relaxed);
  return number;
}

}  // namespace tidings
