// The limit of starting a service: a process of C++ that says when it runs, and ends.
#include <chrono>
#include <iostream>

int main() {
  std::cout << std::chrono::steady_clock::now().time_since_epoch().count() << "\nnone" << std::endl;
}
