#include <limits>

#include "store_trial.hpp"

namespace tidings::testing {

// Rows that are reflected have linkage, or clang warns.
namespace store_values {

using Bytes = std::vector<std::byte>;

struct Values {
  std::int64_t id = 0;
  std::optional<std::int64_t> whole;
  std::optional<double> real;
  std::optional<std::string> text;
  std::optional<Bytes> bytes;
  std::optional<bool> truth;
  friend bool operator==(const Values&, const Values&) = default;
};

struct Pair {
  std::string first;
  std::string second;
  std::string third;
};

struct Other {
  std::int64_t nosuch = 0;
};

}  // namespace store_values

namespace {

using namespace store_values;

Bytes every_byte() {
  Bytes all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<std::byte>(byte));
  return all;
}

/// What databases have been seen to spoil.
std::vector<Values> many_values() {
  using Whole = std::numeric_limits<std::int64_t>;
  using Real = std::numeric_limits<double>;
  std::vector<Values> all{{}};
  for (const auto whole : {std::int64_t{0}, std::int64_t{-1}, Whole::min(), Whole::max(), (std::int64_t{1} << 53) + 1})
    all.push_back({.whole = whole});
  for (const double real : {0.0, 0.1, -1.5, 1e23, Real::max(), Real::lowest(), Real::min(), Real::denorm_min(),
                            Real::infinity(), 9007199254740993.0})
    all.push_back({.real = real});
  for (const auto* const text : {"", " ", "a'b\"c\\d", "$1 ? :x %s", "line\nand\ttab\r", "\xC3\xA4\xE2\x82\xAC",
                                 "\xF0\x9F\x90\xA6", "null", "\\x00", "1", "t", "{a,b}", "\x01\x7F"})
    all.push_back({.text = text});
  for (const auto& bytes : {Bytes{}, Bytes{std::byte{0}}, every_byte(), Bytes{std::byte{'\\'}, std::byte{'x'}}})
    all.push_back({.bytes = bytes});
  for (const bool truth : {true, false}) all.push_back({.truth = truth});
  for (std::size_t at = 0; at < all.size(); ++at) all[at].id = static_cast<std::int64_t>(at);
  return all;
}

void make_table(StoreTrial& trial, Store& store) {
  trial.in_one(store,
               "create table kept(id bigint primary key, whole bigint, real double precision, text text, "
               "bytes " +
                   bytes_type(store) + ", truth boolean)");
}

void every_value_comes_back_as_it_was(StoreTrial& trial) {
  const auto wanted = many_values();
  auto store = trial.open();
  make_table(trial, *store);
  const auto check = [&](Transaction& tx, const std::string& when) {
    const auto got = trial.need(tx.query<Values>("select * from kept order by id"), "select");
    trial.require(got.size() == wanted.size(), std::to_string(got.size()) + " rows " + when);
    for (std::size_t at = 0; at < wanted.size(); ++at)
      trial.check(got[at] == wanted[at], "value " + std::to_string(at) + " is another " + when);
  };
  {
    const auto tx = trial.begin(*store);
    for (const auto& one : wanted)
      trial.need(tx->execute("insert into kept(id, whole, real, text, bytes, truth) values ($1, $2, $3, $4, $5, $6)",
                             one.id, one.whole, one.real, one.text, one.bytes, one.truth),
                 "insert " + std::to_string(one.id));
    check(*tx, "in its transaction");
    trial.need(tx->commit(), "commit");
  }
  store.reset();
  store = trial.open();
  const auto tx = trial.begin(*store);
  check(*tx, "once committed");
  // And each is found by itself.
  for (const auto& one : wanted) {
    std::vector<std::int64_t> found{one.id};
    if (one.whole)
      found = trial.need(tx->query<std::int64_t>("select id from kept where whole = $1", *one.whole), "by whole");
    if (one.text)
      found = trial.need(tx->query<std::int64_t>("select id from kept where text = $1", *one.text), "by text");
    if (one.bytes)
      found = trial.need(tx->query<std::int64_t>("select id from kept where bytes = $1", *one.bytes), "by bytes");
    trial.check(found == std::vector{one.id}, "value " + std::to_string(one.id) + " is not found by itself alone");
  }
}

void text_with_a_nul_comes_back_whole_or_is_refused(StoreTrial& trial) {
  const auto store = trial.open();
  make_table(trial, *store);
  const std::string text("before\0after", 12);
  const auto tx = trial.begin(*store);
  if (const auto done = tx->execute("insert into kept(id, text) values (1, $1)", text); !done) {
    trial.check_error(done, "sql_error", Retry::never, "text with a NUL");
    return;
  }
  const auto back = trial.need(tx->query_one<std::string>("select text from kept"), "select");
  trial.check(back == text, "text with a NUL came back as another");
}

void large_values_come_back(StoreTrial& trial) {
  const auto store = trial.open();
  make_table(trial, *store);
  constexpr std::size_t size = std::size_t{4} << 20;
  std::string text(size, 'x');
  Bytes bytes(size);
  for (std::size_t at = 0; at < size; ++at) {
    text[at] = static_cast<char>('a' + at % 23);
    bytes[at] = static_cast<std::byte>(at * 7 + at / 256);
  }
  {
    const auto tx = trial.begin(*store);
    trial.need(tx->execute("insert into kept(id, text, bytes) values (1, $1, $2)", text, bytes), "insert");
    trial.need(tx->commit(), "commit");
  }
  const auto tx = trial.begin(*store);
  const auto back = trial.need(tx->query_one<Values>("select * from kept"), "select");
  trial.require(back.has_value(), "it is not there");
  trial.check(back->text == text, "a text of 4 MiB is another");
  trial.check(back->bytes == bytes, "bytes of 4 MiB are others");
}

void parameters_stand_where_their_number_says(StoreTrial& trial) {
  const auto store = trial.open();
  trial.in_one(*store, "create table pairs(first text, second text, third text)");
  const auto tx = trial.begin(*store);
  trial.need(tx->execute("insert into pairs values ($2, $1, $2)", "one", "two"), "insert");
  const auto got =
      trial.need(tx->query_one<Pair>("select third, second, first from pairs where first = $1", "two"), "select");
  trial.require(got.has_value(), "it is not found");
  trial.check(got->first == "two" && got->second == "one" && got->third == "two",
              "it is " + got->first + ", " + got->second + ", " + got->third);
}

void rows_are_counted(StoreTrial& trial) {
  const auto store = trial.open();
  const auto tx = trial.begin(*store);
  const auto counts = [&](const std::string& sql, std::uint64_t wanted) {
    const auto got = trial.need(tx->execute(sql), sql);
    trial.check(got == wanted, sql + " counts " + std::to_string(got));
  };
  counts("create table numbers(n bigint)", 0);
  counts("insert into numbers values (1), (2), (3)", 3);
  counts("update numbers set n = n + 10 where n < 3", 2);
  counts("update numbers set n = 0 where n = 7", 0);
  counts("select * from numbers", 0);
  counts("delete from numbers", 3);
}

void what_does_not_fit_is_told_and_the_transaction_goes_on(StoreTrial& trial) {
  const auto store = trial.open();
  make_table(trial, *store);
  trial.in_one(*store, "insert into kept(id, whole, text) values (1, 300, 'x'), (2, null, null)");
  const auto tx = trial.begin(*store);
  const auto told = [&](const auto& result, std::string_view code, const std::string& what) {
    trial.check_error(result, code, Retry::never, what);
  };
  told(tx->query<std::int64_t>("select text from kept where id = 1"), "wrong_type", "text into an integer");
  told(tx->query<std::string>("select whole from kept where id = 1"), "wrong_type", "an integer into text");
  told(tx->query<std::int8_t>("select whole from kept where id = 1"), "out_of_range", "300 into a byte");
  told(tx->query<std::int64_t>("select whole from kept where id = 2"), "null_value", "null into an integer");
  told(tx->query<Other>("select id from kept"), "no_column", "a member without a column");
  told(tx->query<std::int64_t>("select id, whole from kept"), "wrong_columns", "two columns into one value");
  told(tx->query_one<std::int64_t>("select id from kept"), "too_many_rows", "two rows into one");
  told(tx->execute("delete from kept where id = $1", std::numeric_limits<std::uint64_t>::max()), "out_of_range",
       "a parameter that no integer holds");
  trial.need(tx->execute("delete from kept where id = 1"), "a statement after them");
  trial.need(tx->commit(), "commit");
  trial.check(trial.numbers(*store, "select id from kept") == std::vector<std::int64_t>{2}, "it did not go on");
}

}  // namespace

std::vector<StoreCaseEntry> store_value_cases() {
  return {
      {{"every_value_comes_back_as_it_was",
        "Integers, floating point numbers, text, bytes and nulls, at their extremes and empty, also once committed."},
       every_value_comes_back_as_it_was},
      {{"text_with_a_nul_comes_back_whole_or_is_refused", "No text is cut."},
       text_with_a_nul_comes_back_whole_or_is_refused},
      {{"large_values_come_back", "Text and bytes of 4 MiB."}, large_values_come_back},
      {{"parameters_stand_where_their_number_says", "In any order, and several times."},
       parameters_stand_where_their_number_says},
      {{"rows_are_counted", "Those that a statement inserted, changed or deleted."}, rows_are_counted},
      {{"what_does_not_fit_is_told_and_the_transaction_goes_on", "What reads wrongly spoils nothing."},
       what_does_not_fit_is_told_and_the_transaction_goes_on},
  };
}

}  // namespace tidings::testing
