#include "tidings/aggregate/mapper.hpp"

namespace tidings::aggregate::detail {

Result<> one_row(const Result<std::uint64_t>& rows, std::string_view kind, std::string_view id, Error none) {
  if (!rows) return rows.error();
  if (*rows == 0) return none;
  if (*rows == 1) return {};
  return Error{"wrong_mapper", "a statement for aggregate " + std::string(kind) + " '" + std::string(id) + "' wrote " +
                                   std::to_string(*rows) + " rows; it is one row, of that id and version"};
}

Error no_function(std::string_view kind, std::string_view what) {
  return {"wrong_mapper", "the mapper of aggregate " + std::string(kind) + " has no " + std::string(what)};
}

Result<> expect_rows(std::string_view step, const Result<std::uint64_t>& rows, std::uint64_t wanted) {
  if (!rows)
    return Error{"wrong_mapper",
                 std::string(step) + ": gave an error, and was to write " + std::to_string(wanted) +
                     " rows: " + rows.error().message,
                 rows.error().retry};
  if (*rows == wanted) return {};
  return Error{"wrong_mapper", std::string(step) + ": wrote " + std::to_string(*rows) + " rows, and was to write " +
                                   std::to_string(wanted)};
}

Result<> expect_version(std::string_view step, std::uint64_t found, std::uint64_t wanted) {
  if (found == wanted) return {};
  const auto told = [](std::uint64_t version) {
    return version == 0 ? std::string("none") : "version " + std::to_string(version);
  };
  return Error{"wrong_mapper",
               "load " + std::string(step) + ": gave " + told(found) + ", and was to give " + told(wanted)};
}

}  // namespace tidings::aggregate::detail
