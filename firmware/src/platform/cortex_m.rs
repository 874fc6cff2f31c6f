//! Arm Cortex-M: cortex-m-rt starts the program (and the FPU, where there is one).

pub(crate) use super::semihosting::{exit, write};

/// Makes `$main: fn() -> i32` the program's main function.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cortex_m_rt::entry]
        fn start() -> ! {
            $crate::platform::exit($main())
        }
    };
}
