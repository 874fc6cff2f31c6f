//! Why a call has no result.

use cudarc::driver::DriverError;
use std::fmt;

/// Why a call was refused or went wrong.
///
/// What is wrong with the arguments' shapes is found at the call; what is wrong with the numbers in the device's memory,
/// by the device, before it writes anything, and comes from `wait`.
///
/// ```
/// use trueloss_cuda::Error;
///
/// let error = Error::NoDevice { ordinal: 3 };
/// assert_eq!(error.to_string(), "there is no CUDA device number 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The arguments are not legal: trueloss's own error.
    Argument(trueloss::Error),
    /// There is no NVIDIA driver on this machine (no libcuda).
    NoDriver,
    /// The driver is older than the interface that is used.
    DriverTooOld {
        /// Its version of CUDA, as in (11, 4).
        found: (i32, i32),
        /// The oldest one that will do.
        needed: (i32, i32),
    },
    /// There is no device with this number.
    NoDevice {
        /// The number.
        ordinal: usize,
    },
    /// The device is older than the kernels are made for.
    DeviceTooOld {
        /// Its compute capability, as in (6, 1).
        found: (i32, i32),
        /// The lowest one that will do.
        needed: (i32, i32),
    },
    /// A slice lies on another device than the one that the call is for.
    OtherDevice,
    /// The driver reports an error: memory is exhausted, or something went wrong before.
    Driver(DriverError),
}

impl Error {
    /// The device's memory is exhausted.
    ///
    /// ```
    /// assert!(!trueloss_cuda::Error::NoDriver.is_out_of_memory());
    /// ```
    pub fn is_out_of_memory(&self) -> bool {
        use cudarc::driver::sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY;
        matches!(self, Self::Driver(DriverError(CUDA_ERROR_OUT_OF_MEMORY)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(error) => error.fmt(f),
            Self::NoDriver => f.write_str("there is no NVIDIA driver (libcuda) on this machine"),
            Self::DriverTooOld { found, needed } => write!(
                f,
                "the NVIDIA driver is one for CUDA {}.{}, and {}.{} is the oldest that will do",
                found.0, found.1, needed.0, needed.1
            ),
            Self::NoDevice { ordinal } => write!(f, "there is no CUDA device number {ordinal}"),
            Self::DeviceTooOld { found, needed } => write!(
                f,
                "the device has compute capability {}.{}, and {}.{} is the lowest that will do",
                found.0, found.1, needed.0, needed.1
            ),
            Self::OtherDevice => {
                f.write_str("a slice lies on another device than the call's stream")
            }
            Self::Driver(error) => write!(f, "the NVIDIA driver reports {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Argument(error) => Some(error),
            Self::Driver(error) => Some(error),
            _ => None,
        }
    }
}

impl From<trueloss::Error> for Error {
    fn from(error: trueloss::Error) -> Self {
        Self::Argument(error)
    }
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}
