// JSON: an order of three lines, written and read.
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench.hpp"
#include "event/json_parser.hpp"
#include "json_limit.hpp"
#include "order.hpp"
#include "tidings/event/json_codec.hpp"

namespace bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OrderLine, product, quantity, price_minor)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, order_id, customer_id, lines, total_minor)

namespace {

struct Tidings {
  static std::size_t write(const Order& order, std::string& out) {
    out.clear();
    return tidings::JsonCodec::encode(order, out) ? out.size() : 0;
  }
  static bool read(const std::string& text, Order& order) {
    auto decoded = tidings::JsonCodec::decode<Order>(text);
    if (!decoded) return false;
    order = std::move(*decoded);
    return true;
  }
};

/// As `Tidings`, on a processor without vector instructions that simdjson knows. While it lives, this thread reads so.
struct Portable : Tidings {
  Portable() { *tidings::JsonParser::of_this_thread() = tidings::JsonParser("fallback"); }
  ~Portable() { *tidings::JsonParser::of_this_thread() = tidings::JsonParser(); }
  Portable(const Portable&) = delete;
  Portable& operator=(const Portable&) = delete;
};

struct Nlohmann {
  static std::size_t write(const Order& order, std::string& out) {
    out = nlohmann::json(order).dump();
    return out.size();
  }
  static bool read(const std::string& text, Order& order) {
    order = nlohmann::json::parse(text).get<Order>();
    return true;
  }
};

/// The limit: what is known of the order is written out, and nothing is checked or escaped.
struct ByHand {
  static void number(std::string& out, std::int64_t value) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  static std::size_t write(const Order& order, std::string& out) {
    out.clear();
    out.append(R"({"order_id":")").append(order.order_id).append(R"(","customer_id":")").append(order.customer_id);
    out.append(R"(","lines":[)");
    for (const auto& line : order.lines) {
      if (&line != order.lines.data()) out += ',';
      out.append(R"({"product":")").append(line.product).append(R"(","quantity":)");
      number(out, line.quantity);
      out.append(R"(,"price_minor":)");
      number(out, line.price_minor);
      out += '}';
    }
    out.append(R"(],"total_minor":)");
    number(out, order.total_minor);
    out += '}';
    return out.size();
  }
};

struct Simdjson {
  static bool read(const std::string& text, Order& order) { return read_by_simdjson(text, order); }
};

std::vector<std::string> texts_of(const std::vector<Order>& orders) {
  std::vector<std::string> texts;
  for (const auto& order : orders) {
    ByHand::write(order, texts.emplace_back());
    texts.back().reserve(texts.back().size() + json_padding);
  }
  return texts;
}

template <class Contender>
void write(benchmark::State& state) {
  const auto orders = make_orders(options().seed);
  std::string out;
  std::size_t next = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    bytes += Contender::write(orders[next++ % orders.size()], out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  const auto texts = texts_of(orders);
  std::uint64_t wanted = 0;
  for (std::size_t i = 0; i < next; ++i) wanted += texts[i % texts.size()].size();
  expect(state, bytes, wanted, "bytes were written");
  for (const auto& order : orders) {
    Contender::write(order, out);
    Order back;
    expect(state, Nlohmann::read(out, back) && back == order ? 1 : 0, 1, "of the texts says what the order is");
  }
}

template <class Contender>
void read(benchmark::State& state) {
  [[maybe_unused]] const Contender contender;
  const auto orders = make_orders(options().seed);
  const auto texts = texts_of(orders);
  Order order;
  std::size_t next = 0;
  std::uint64_t right = 0;
  for (auto _ : state) {
    right += Contender::read(texts[next++ % texts.size()], order) ? 1 : 0;
    benchmark::DoNotOptimize(order);
    benchmark::ClobberMemory();
  }
  expect(state, right, next, "texts were read");
  for (std::size_t i = 0; i < orders.size(); ++i)
    expect(state, Contender::read(texts[i], order) && order == orders[i] ? 1 : 0, 1, "of the orders is as written");
}

void add_benchmarks() {
  benchmark::RegisterBenchmark("write, tidings", write<Tidings>);
  benchmark::RegisterBenchmark("write, nlohmann", write<Nlohmann>);
  benchmark::RegisterBenchmark("write, by hand", write<ByHand>);
  benchmark::RegisterBenchmark("read, tidings", read<Tidings>);
  benchmark::RegisterBenchmark("read, tidings, portable", read<Portable>);
  benchmark::RegisterBenchmark("read, nlohmann", read<Nlohmann>);
  benchmark::RegisterBenchmark("read, simdjson", read<Simdjson>);
}

std::vector<Table> tables() {
  return {{.title = "JSON, an order of 3 lines",
           .rows = {{.label = "write",
                     .ours = {"write, tidings"},
                     .peers = {{"the limit", {"write, by hand"}}, {"nlohmann", {"write, nlohmann"}}},
                     .goals = {at_most(200)}},
                    {.label = "read",
                     .ours = {"read, tidings"},
                     .peers = {{"the limit", {"read, simdjson"}}, {"nlohmann", {"read, nlohmann"}}},
                     .goals = {at_most(300)}},
                    {.label = "read, portable code", .ours = {"read, tidings, portable"}}},
           .note =
               "The limit: for writing, text put together by hand without a check or an escape; for reading, "
               "simdjson on demand, compiled "
               "without assertions, by members in a known order, from a padded buffer. Portable code: what a processor "
               "without vector instructions runs."}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::run(argc, argv, {.name = "json", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
}
