#include "commands.hpp"
namespace tidings::cli {
int demo(const DemoArguments&) { return failed; }
}
