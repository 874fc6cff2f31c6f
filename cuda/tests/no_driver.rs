//! Without a driver every call says so, and none panics.

use trueloss_cuda::{Done, Error, Gpu, Loss, devices};

#[test]
fn without_a_driver_there_is_an_error() {
    match devices() {
        Err(error) => {
            assert_eq!(error, Error::NoDriver);
            assert_eq!(Gpu::new(0).map(|_| ()), Err(Error::NoDriver));
            let text = "there is no NVIDIA driver (libcuda) on this machine";
            assert_eq!(error.to_string(), text);
        }
        Ok(count) => println!("skipped: there is a driver, and {count} devices"),
    }
}

/// A device may be shared by threads, and a loss awaited by another one.
#[test]
fn devices_and_losses_go_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Gpu>();
    sent::<Loss<f32>>();
    sent::<Done>();
    shared::<Error>();
}
