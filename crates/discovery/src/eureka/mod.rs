use std::{future::pending, sync::Arc};

use model::{Eureka, EurekaService};
use upstream::discovery::{Hear, Watch};

pub(crate) fn watch(_: &Eureka, _: &EurekaService, _: Arc<dyn Hear>) -> Watch {
    Box::pin(pending())
}
