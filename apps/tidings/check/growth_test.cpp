// Twice the code takes twice the time, whatever it is made of: four times as much must not take sixteen times as long.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>

#include "check/testing.hpp"

namespace tidings::check {

namespace {

using Write = std::function<void(std::string&, const std::string& number)>;

double seconds_of_this_thread() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// What reading and judging it takes, at best.
double cost(const std::string& text) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto begin = seconds_of_this_thread();
    const auto project = make_project({{"a.cpp", text}}).or_throw();
    const auto found = found_in(project);
    least = std::min(least, seconds_of_this_thread() - begin);
    EXPECT_EQ(project.files.size(), 1u) << found.size();
  }
  return least;
}

void grows_with_its_size(const std::string& head, const Write& write, const std::string& tail, std::size_t count) {
  std::string little = head, much = head;
  for (std::size_t i = 0; i < count; ++i) write(little, std::to_string(i));
  for (std::size_t i = 0; i < 4 * count; ++i) write(much, std::to_string(i));
  const auto ratio = cost(much + tail) / cost(little + tail);
  EXPECT_LT(ratio, 9) << "4 where it is proportional, 16 where each looks at all others";
}

const std::string include = "#include \"tidings/service/service.hpp\"\n";
const std::string wire =
    include + "int count = 0;\nvoid wire(tidings::Service& service, tidings::Store& store) {\n  int local = 0;\n";

TEST(Growth, OfHandlersInOneFunction) {
  const auto handler = [](std::string& out, const std::string& number) {
    out += "  service.on(\"h" + number +
           "\", {}, [&](const OrderPlaced& order, tidings::Context& context) -> tidings::Result<> {\n"
           "    auto done = context.publish(OrderTaken{order.id});\n    local += order.size;\n"
           "    if (!done) return done.error();\n    return {};\n  });\n";
  };
  grows_with_its_size(wire, handler, "  service.run();\n}\n", 1000);
}

TEST(Growth, OfHandlersOfWhichMuchIsFound) {
  const auto handler = [](std::string& out, const std::string& number) {
    out += "  // of " + number + "\n  service.on(\"h" + number +
           "\", {}, [&](const OrderPlaced& order, tidings::Context&, tidings::Transaction& tx) -> tidings::Result<> {\n"
           "    auto done = service.publish(OrderTaken{order.id});\n    ++count;\n    ++local;\n"
           "    (void)tx.execute(\"delete from a where id = '\" + order.id + \"'\");\n"
           "    std::thread([] {}).detach();\n    if (!done) return {};\n    return {};\n  });\n";
  };
  grows_with_its_size(wire, handler, "}\n", 1000);
}

TEST(Growth, OfEventsAndClasses) {
  const auto handler = [](std::string& out, const std::string& number) {
    const auto event = "Event" + number, name = "Handler" + number;
    out += "namespace shop {\nstruct " + event + " {\n  std::string id;\n  static constexpr tidings::traits<" + event +
           "> event{.name = \"shop." + number + "\", .key = &" + event +
           "::id};\n};\n"
           "class " +
           name + " {\n public:\n  tidings::Result<> handle(const " + event +
           "& order, tidings::Context& context, tidings::Transaction& tx) {\n"
           "    if (auto done = tx.execute(\"delete from a where id = $1\", order.id); !done) return done.error();\n   "
           " return note(order, context);\n  }\n"
           "  tidings::Result<> note(const " +
           event + "& order, tidings::Context& context) { return context.publish(" + event +
           "{order.id}); }\n};\n"
           "inline void wire(tidings::Service& service, " +
           name + "& handler) { service.on(\"h" + number + "\", {}, &" + name + "::handle, &handler); }\n}\n";
  };
  grows_with_its_size(include, handler, "", 500);
}

TEST(Growth, OfPublishesInOneFunction) {
  const auto publish = [](std::string& out, const std::string& number) {
    out += "  if (auto told" + number + " = service.publish(OrderTaken{\"" + number + "\"}); !told" + number +
           ") return;\n";
  };
  grows_with_its_size(wire, publish, "}\n", 2000);
}

TEST(Growth, OfConditions) {
  const std::string head = wire + "  service.on(\"h\", {}, [&](const OrderPlaced& order) -> tidings::Result<> {\n";
  const std::string tail = "    return {};\n  });\n}\n";
  for (const std::string form :
       {"    if (order.id == #) return {};\n", "    if (auto a = order.f(#); !a) return a.error();\n",
        "    if (auto a = order.f(#); a) { g(a); } else\n", "    if (auto a# = order.f(#))\n",
        "    for (auto a : order.lines) {\n"}) {
    SCOPED_TRACE(form);
    const auto condition = [&](std::string& out, const std::string& number) {
      for (const char c : form) c == '#' ? out += number : out += c;
    };
    grows_with_its_size(head, condition, tail, 5000);
  }
}

}  // namespace

}  // namespace tidings::check
