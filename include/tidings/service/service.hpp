#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/service/options.hpp"

namespace tidings {

/// A setting of the user's own, known to file, environment and flags like Tidings' own.
struct Setting {
  std::string name;      ///< `stock`: flag `--stock`, key `stock`, environment `TIDINGS_STOCK`
  std::string help;
  std::string fallback;  ///< its value where nobody gives one
};

// The sketch that the service room completes:
//
//   static Service from_args(std::string name, int argc, char** argv, std::vector<Setting> own = {});   // prints and exits 2 on bad use
//   static Result<Service> create(ServiceOptions options);                                              // for tests and embedding
//   Service& on("name", HandlerOptions{…}, handler);              // handler(const E&), (const E&, Context&) or (Batch<E…>&); void or Result<>
//   Service& on<E1, E2>("name", HandlerOptions{…}, generic);      // several types of one topic
//   Result<> publish(const E& event);                             // from outside a handler
//   std::string_view setting(std::string_view name) const;
//   Broker& broker();
//   int run();                                                    // until SIGTERM or SIGINT, then drains; the exit status
//   void stop();                                                  // as SIGTERM, from any thread

}  // namespace tidings
