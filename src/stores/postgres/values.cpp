#include "stores/postgres/values.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace tidings::stores::postgres {

namespace {

template <class T>
std::string number_text(T value) {
  std::array<char, 64> text{};  // the shortest that is read as the same number
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Parameters> Parameters::make(std::span<const SqlView> values) {
  Parameters made;
  made.texts_.reserve(values.size());  // no text moves: `values_` point at them
  for (const auto& value : values) {
    const auto add = [&](char kind, const char* data, std::size_t size, int format) {
      made.kinds_ += kind;
      made.values_.push_back(data);
      made.lengths_.push_back(static_cast<int>(size));
      made.formats_.push_back(format);
    };
    const auto add_text = [&](char kind, std::string text) {
      made.texts_.push_back(std::move(text));
      add(kind, made.texts_.back().c_str(), made.texts_.back().size(), 0);
    };
    constexpr std::size_t bytes_max = 0x3FFF'FFFF;  // what a value of the database holds
    if (const auto* const whole = std::get_if<std::int64_t>(&value)) {
      add_text('i', number_text(*whole));
    } else if (const auto* const real = std::get_if<double>(&value)) {
      add_text('f', number_text(*real));
    } else if (const auto* const text = std::get_if<std::string_view>(&value)) {
      if (text->find('\0') != text->npos)
        return Error{"sql_error", "PostgreSQL has no text with a NUL in it; write it as bytes"};
      if (text->size() > bytes_max) return Error{"sql_error", "PostgreSQL has no text of more than 1 GiB"};
      add_text('t', std::string(*text));
    } else if (const auto* const bytes = std::get_if<std::span<const std::byte>>(&value)) {
      if (bytes->size() > bytes_max) return Error{"sql_error", "PostgreSQL has no bytes of more than 1 GiB"};
      // A null pointer would be a null.
      add('b', bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data()), bytes->size(), 1);
    } else {
      add('n', nullptr, 0, 0);
    }
  }
  return made;
}

std::vector<Oid> types_of(std::string_view kinds) {
  std::vector<Oid> types;
  for (const char kind : kinds) types.push_back(kind == 'b' ? oid_bytes : oid_unknown);
  return types;
}

bool numbers_are_numbers(std::string_view kinds, std::span<const Oid> found, std::vector<Oid>& types) {
  bool changed = false;
  for (std::size_t at = 0; at < std::min(kinds.size(), found.size()); ++at) {
    if (found[at] != oid_text || (kinds[at] != 'i' && kinds[at] != 'f')) continue;
    types[at] = kinds[at] == 'i' ? oid_int8 : oid_float8;
    changed = true;
  }
  return changed;
}

RowReader::RowReader(const PGresult* result)
    : result_(result),
      cells_(static_cast<std::size_t>(PQnfields(result))),
      bytes_(static_cast<std::size_t>(PQnfields(result))) {
  for (int column = 0; column < PQnfields(result); ++column) {
    names_.emplace_back(PQfname(result, column));
    types_.push_back(PQftype(result, column));
  }
}

std::span<const SqlView> RowReader::row(int number) {
  for (std::size_t column = 0; column < cells_.size(); ++column)
    cells_[column] = cell(number, static_cast<int>(column));
  return cells_;
}

SqlView RowReader::cell(int row, int column) {
  if (PQgetisnull(result_, row, column) != 0) return {};
  const auto* const data = PQgetvalue(result_, row, column);
  const std::string_view text(data, static_cast<std::size_t>(PQgetlength(result_, row, column)));
  switch (types_[static_cast<std::size_t>(column)]) {
    case oid_bool:
      return std::int64_t{text == "t" ? 1 : 0};
    case oid_int2:
    case oid_int4:
    case oid_int8:
    case oid_oid:
      if (const auto whole = number<std::int64_t>(text)) return *whole;
      return text;
    case oid_numeric:
      if (const auto whole = number<std::int64_t>(text)) return *whole;
      [[fallthrough]];
    case oid_float4:
    case oid_float8:
      if (const auto real = number<double>(text)) return *real;
      return text;
    case oid_bytes: {
      std::size_t size = 0;
      const std::unique_ptr<unsigned char, decltype(&PQfreemem)> raw(
          PQunescapeBytea(reinterpret_cast<const unsigned char*>(data), &size), &PQfreemem);
      if (!raw) throw std::bad_alloc();
      auto& into = bytes_[static_cast<std::size_t>(column)];
      into.resize(size);
      if (size > 0) std::memcpy(into.data(), raw.get(), size);
      return std::span<const std::byte>(into);
    }
    default:
      return text;
  }
}

}  // namespace tidings::stores::postgres
