//! Holding prefixes for as long as work on them takes.

use super::{Fence, Gate, GateError, Lease, Leases, chance};
use crate::model::moves::MoveId;
use crate::ops::moves::Watch;
use crate::sources::local::process;

impl Gate {
    /// Does work while its prefixes are held: refused if somebody else holds one, renewed until the work is over.
    pub(super) async fn holding<T>(
        &self,
        id: &MoveId,
        prefixes: Vec<String>,
        watch: &Watch,
        work: impl AsyncFnOnce(&Fence) -> T,
    ) -> Result<T, GateError> {
        let now = (self.clock)();
        let leases = Leases::of(self.lake.as_ref(), &self.prefixes.state);
        let mut lease = Lease {
            id: id.clone(),
            run: chance(),
            prefixes,
            holder: self.actor.clone(),
            process: process::this_one(),
            since: now,
            until: now + super::lease::LENGTH,
        };
        leases.take(&lease, now).await?;
        let fence = Fence::new(lease.until);
        let ended = {
            let renewed = self.renewed(&leases, &mut lease, watch, &fence);
            tokio::select! {
                ended = work(&fence) => ended,
                never = renewed => match never {},
            }
        };
        // One that cannot be given back is over by itself.
        if let Err(e) = leases.give_back(&lease).await {
            tracing::warn!("the lease of {id} stays until {}: {e}", lease.until);
        }
        Ok(ended)
    }

    /// Renews a lease for as long as its move runs. One that somebody else took stops the move at its next boundary.
    async fn renewed(
        &self,
        leases: &Leases<'_>,
        lease: &mut Lease,
        watch: &Watch,
        fence: &Fence,
    ) -> std::convert::Infallible {
        let length = super::lease::LENGTH.to_std().unwrap_or_default();
        loop {
            tokio::time::sleep(length / 4).await;
            let now = (self.clock)();
            lease.until = now + super::lease::LENGTH;
            // One that ran out was anybody's meanwhile, even if nobody has it now: what was seen under it is old.
            let lapsed = !fence.holds(now);
            match leases.take(lease, now).await {
                Err(GateError::Held { holder, .. }) => tracing::warn!("{holder} took over what {} held", lease.id),
                Ok(()) if lapsed => tracing::warn!("the lease of {} ran out", lease.id),
                Ok(()) => {
                    fence.renewed(lease.until);
                    continue;
                }
                Err(e) => {
                    tracing::warn!("the lease of {} is not renewed: {e}", lease.id);
                    continue;
                }
            }
            fence.taken_over();
            watch.stop();
            std::future::pending::<()>().await;
        }
    }
}
