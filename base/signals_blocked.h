// SignalsBlocked: blocks every signal of the calling thread while it lives. A thread that is started meanwhile inherits
// the mask, so signals reach the loop's signalfd only.
#pragma once

#include <csignal>

namespace tailrace {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace tailrace
