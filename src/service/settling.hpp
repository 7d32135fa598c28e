#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "service/host.hpp"
#include "service/source.hpp"

namespace tidings::service {

/// Tells the broker, in bulk, what is done with. Under its handling's mutex, which it lets go of for each call of the
/// broker.
class Settling {
 public:
  /// `ended` is notified when no call is under way any more. Once it is `stopping`, nothing waits for a later try.
  Settling(Host& host, const std::string& name, std::size_t remembered_max, const std::atomic<bool>& stopping,
           std::condition_variable& ended)
      : host_(host), name_(name), remembered_max_(remembered_max), stopping_(stopping), ended_(ended) {}
  Settling(const Settling&) = delete;
  Settling& operator=(const Settling&) = delete;

  using Sources = std::vector<std::unique_ptr<Source>>;
  /// Whether there is anything, but for what waits since the last try failed.
  [[nodiscard]] bool has_any(const Sources& sources) const;
  void flush(const Sources& sources, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool is_under_way() const { return calls_ > 0; }

 private:
  Result<> settle(Source& source, std::unique_lock<std::mutex>& lock, Outcome outcome);

  Host& host_;
  const std::string& name_;
  const std::size_t remembered_max_;
  const std::atomic<bool>& stopping_;
  std::condition_variable& ended_;
  std::size_t calls_ = 0;  // that are under way
};

}  // namespace tidings::service
