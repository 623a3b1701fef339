//! Code of a sandbox: what is deployed, and which open runs move to it.

use std::sync::Arc;

use weft_bytecode::{Program, codec};
use weft_protocol::PartitionId;
use weft_protocol::api::ApiError;
use weft_protocol::moving::Moving;
use weft_vm::Loaded;

use super::{NAMESPACE, Sandbox};
use crate::node::deploy;
use crate::partition::request::{Answer, Request, Tried, Trying};
use crate::refusal;

impl Sandbox {
    /// Deploys a program and moves the stuck runs that it frees.
    ///
    /// # Errors
    /// If the program does not verify or the journal does not answer.
    pub async fn deploy(&mut self, program: Program) -> Result<Tried, ApiError> {
        let program = Loaded::new(program).map_err(|error| ApiError::new(422, "invalid_program", error.to_string()))?;
        self.deploy_loaded(&program).await
    }

    /// As [`Sandbox::deploy`] of a program that is verified already.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn deploy_loaded(&mut self, program: &Arc<Loaded>) -> Result<Tried, ApiError> {
        let bytes = codec::encode(program.program());
        let program = self.setup.programs.keep(program.clone());
        deploy::publish(&*self.journal, self.claim, NAMESPACE, &program, &bytes, self.now).await?;
        self.setup.programs.make_current(NAMESPACE, program.clone());
        for part in 0..self.setup.partitions {
            let declare = Request::Declare { namespace: NAMESPACE.into(), program: program.clone() };
            if let Answer::Declared(clashes) = self.ask(PartitionId(part), declare).await?
                && let Some(clash) = clashes.into_iter().next()
            {
                return Err(ApiError::new(409, "schedule_taken", clash));
            }
        }
        self.try_runs(&program, Trying::Stuck).await
    }

    /// Deploys a program, and moves to it the open runs of its project that are to move.
    ///
    /// # Errors
    /// As the API refuses.
    pub async fn deploy_moving(&mut self, program: Program, moving: Moving) -> Result<Tried, ApiError> {
        let program = Loaded::new(program).map_err(|error| ApiError::new(422, "invalid_program", error.to_string()))?;
        if moving == Moving::All {
            refusal::unless_all_follow(self.try_runs(&program, Trying::Check).await?)?;
        }
        let mut all = self.deploy_loaded(&program).await?;
        if moving != Moving::Pin {
            let fit = all.fit;
            all = self.try_runs(&program, Trying::Move).await?;
            all.fit += fit;
        }
        Ok(all)
    }

    /// Tries open runs on a program.
    ///
    /// # Errors
    /// If the journal does not answer.
    pub async fn try_runs(&mut self, program: &Arc<Loaded>, trying: Trying) -> Result<Tried, ApiError> {
        let mut all = Tried::default();
        for part in 0..self.setup.partitions {
            let ask = Request::Try { namespace: NAMESPACE.into(), program: program.clone(), trying };
            if let Answer::Tried(tried) = self.ask(PartitionId(part), ask).await? {
                all.join(*tried);
            }
        }
        Ok(all)
    }
}
