#pragma once

#include <span>
#include <string_view>

namespace tidings::dashboard {

/// A file of the dashboard's page, as it was when the program was built.
struct PageFile {
  std::string_view path;  ///< as it is asked for: `/` for the page itself
  std::string_view type;  ///< Content-Type
  std::string_view etag;  ///< with its quotes, over what is in it
  bool forever = false;   ///< its path changes with what is in it: `Cache-Control: immutable`
  std::span<const unsigned char> gzip;
};
/// Sorted by path. Empty where the program was built without Node or without what script/dashboard fetches.
[[nodiscard]] std::span<const PageFile> page_files();

}  // namespace tidings::dashboard
