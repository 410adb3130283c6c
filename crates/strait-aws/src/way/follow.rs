//! Which ways follow the names of their services: those that this server made, and those that others did, as the store has
//! them. The one server that watches AWS lets all of them follow.

use std::collections::{BTreeMap, BTreeSet};

use strait_plane::cloud::WaySpec;

use super::Followed;
use crate::Aws;
use crate::error::Error;
use crate::look::Kind;
use crate::seen::lock;
use crate::tag::Key;

impl Aws {
    /// From now on these ways follow the names of their services, whoever made them. Those that were to and are not among
    /// them do no more; without any, none does of which that is known.
    pub fn follow(&self, ways: &BTreeSet<WaySpec>) {
        let key = |spec: &WaySpec| (Key::way(spec), spec.clone());
        let wanted: BTreeMap<Key, WaySpec> = ways.iter().map(key).collect();
        let mut told = lock(&self.told);
        let mut followed = lock(&self.followed);
        // One that this server is just making is not among them yet.
        let stays = |key: &Key| wanted.contains_key(key) || !told.contains_key(key);
        followed.retain(|key, _| !wanted.is_empty() && stays(key));
        lock(&self.missed).retain(|key| wanted.contains_key(key));
        *told = wanted;
    }

    /// Lets the targets of all ways that are to follow their services' names, once. What others made comes last: a way that
    /// they made anew is only then known to be gone as it was.
    pub(crate) async fn follow_all(&self) {
        self.follow_known().await;
        let others = self.find_others().await;
        self.follow_names(others).await;
    }

    /// Those among them that this server made or found before.
    pub(super) async fn follow_known(&self) {
        let known = lock(&self.followed).clone();
        self.follow_names(known).await;
    }

    /// Looks for the target groups of those that are to follow and do not yet. From now on those do that it returns.
    async fn find_others(&self) -> BTreeMap<Key, Followed> {
        let unknown: Vec<(Key, WaySpec)> = {
            let (told, followed) = (lock(&self.told), lock(&self.followed));
            let unknown = told.iter().filter(|(key, _)| !followed.contains_key(key));
            let pair = |(key, spec): (&Key, &WaySpec)| (key.clone(), spec.clone());
            unknown.map(pair).collect()
        };
        for name in self.regions_of_new(&unknown) {
            if let Ok(region) = self.region(name) {
                // The last look may be older than what others made.
                region.looks.forget(&[Kind::TargetGroups]);
            }
        }
        let mut others = BTreeMap::new();
        for (key, spec) in unknown {
            match self.followed_of(&spec).await {
                Ok(found) => {
                    lock(&self.missed).remove(&key);
                    // This server may just have made it.
                    let known = lock(&self.followed)
                        .entry(key.clone())
                        .or_insert(found)
                        .clone();
                    others.insert(key, known);
                }
                Err(error) => {
                    if lock(&self.missed).insert(key.clone()) {
                        tracing::info!(%key, %error, "the targets of a way do not follow the service's name yet");
                    }
                }
            }
        }
        others
    }

    /// Where ways are that were not looked for yet. One that was missed waits for the next look that is due.
    fn regions_of_new<'a>(&self, unknown: &'a [(Key, WaySpec)]) -> BTreeSet<&'a str> {
        let missed = lock(&self.missed);
        let new = unknown.iter().filter(|(key, _)| !missed.contains(key));
        new.map(|(_, way)| way.region.as_str()).collect()
    }

    async fn followed_of(&self, spec: &WaySpec) -> Result<Followed, Error> {
        let way = self.way(spec)?;
        let Some(group) = way.find_target_group().await? else {
            return Err(Error::NotYet(format!(
                "AWS lists no target group of {}",
                way.name
            )));
        };
        Ok(Followed::found(&way, &group))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::TargetGroup;

    use crate::fake::{self, Answer, Fake};
    use crate::way::sample::spec;

    use super::*;

    /// The address of the sample's service.
    const HERE: &str = "10.1.2.3";

    #[tokio::test]
    async fn a_way_that_another_server_made_follows_its_name() {
        let aws = world(&["new"], &["10.9.9.9"]);
        let (strait, way) = (aws.aws(), spec(5432));
        strait.follow_all().await;
        assert_eq!(aws.actions(), Vec::<String>::new(), "nobody told of it");

        strait.follow(&BTreeSet::from([way.clone()]));
        strait.follow_all().await;

        let registered = aws.bodies("RegisterTargets").concat();
        assert!(registered.contains("TargetGroupArn=new"), "{registered}");
        assert!(registered.contains(HERE), "{registered}");
        assert!(strait.find_others().await.is_empty(), "it is known");
        assert_eq!(aws.asked("DescribeTargetGroups"), 1);

        strait.follow(&BTreeSet::new());
        assert!(strait.find_others().await.is_empty());
        assert!(lock(&strait.followed).is_empty(), "it is gone");
    }

    #[tokio::test]
    async fn a_way_that_others_made_anew_is_found_by_its_tags_in_the_same_turn() {
        let aws = world(&["old", "new"], &["10.9.9.9"]);
        let (strait, way) = (aws.aws(), spec(5432));
        strait.follow(&BTreeSet::from([way]));
        assert_eq!(strait.find_others().await.len(), 1);
        let aws = aws.answer(
            "DescribeTargetHealth",
            [
                Answer::Error(400, "TargetGroupNotFound"),
                health(&["10.9.9.9"]),
            ],
        );
        strait.follow_all().await;
        assert_eq!(aws.asked("RegisterTargets"), 1, "its old group is gone");
        let registered = aws.bodies("RegisterTargets").concat();
        assert!(registered.contains("TargetGroupArn=new"), "{registered}");
        assert!(registered.contains(HERE), "{registered}");
    }

    #[tokio::test]
    async fn no_way_is_looked_at_twice_in_a_turn() {
        let aws = world(&["new"], &["10.9.9.9"]);
        let (strait, others) = (aws.aws(), spec(5432));
        let own = WaySpec {
            service: "own".to_owned(),
            ..others.clone()
        };
        let way = strait.way(&own).expect("it is registered");
        let group = TargetGroup::builder().target_group_arn("own").build();
        let followed = strait.follow_registered(&way, &group).await;
        followed.expect("followed");
        strait.follow(&BTreeSet::from([others]));
        let looks = |arn: &str| {
            let bodies = aws.bodies("DescribeTargetHealth");
            let of_it = |body: &&String| body.contains(&format!("TargetGroupArn={arn}"));
            bodies.iter().filter(of_it).count()
        };
        // Its old target stays until the new one is healthy, and is looked at meanwhile.
        assert_eq!((looks("own"), looks("new")), (1, 0));
        strait.follow_all().await;
        assert_eq!((looks("own"), looks("new")), (2, 1));
    }

    #[tokio::test]
    async fn a_way_that_is_not_found_costs_no_more_looks_than_another() {
        let aws = world(&["another"], &["10.9.9.9"]).answer("DescribeTags", [no_tags()]);
        let strait = aws.aws();
        let spec = |service: &str| WaySpec {
            service: service.to_owned(),
            ..spec(5432)
        };
        let told = BTreeSet::from([spec("one")]);
        strait.follow(&told);
        for _turn in 0..3 {
            assert!(strait.find_others().await.is_empty());
        }
        assert_eq!(aws.asked("DescribeTargetGroups"), 1);
        // One that is told of later is looked for at once.
        let more = BTreeSet::from([spec("one"), spec("two")]);
        for ways in [&more, &more, &told, &more] {
            strait.follow(ways);
            assert!(strait.find_others().await.is_empty());
        }
        assert_eq!(aws.asked("DescribeTargetGroups"), 3);
        // And the others with the look that is due.
        strait.regions[fake::REGION].looks.forget_all();
        assert!(strait.find_others().await.is_empty());
        assert_eq!(aws.asked("DescribeTargetGroups"), 4);
    }

    #[tokio::test]
    async fn what_this_server_is_just_making_is_followed_before_anybody_tells_of_it() {
        let aws = world(&["new"], &["10.9.9.9"]);
        let (strait, own) = (aws.aws(), spec(5432));
        let way = strait.way(&own).expect("it is registered");
        let group = way.find_target_group().await.expect("a look");
        let group = group.expect("it is listed");
        strait
            .follow_registered(&way, &group)
            .await
            .expect("followed");
        let other = WaySpec {
            service: "other".to_owned(),
            ..own.clone()
        };
        let known = || lock(&strait.followed).contains_key(&Key::way(&own));
        strait.follow(&BTreeSet::from([other.clone()]));
        assert!(known());
        strait.follow(&BTreeSet::from([other.clone(), own.clone()]));
        assert!(known());
        strait.follow(&BTreeSet::from([other]));
        assert!(!known(), "it was told of, and is no more");
    }

    /// Where the group of the way is `arns`, one after another, with these targets.
    fn world(arns: &[&str], targets: &[&str]) -> Fake {
        let key = Key::way(&spec(5432));
        let groups = arns.iter().map(|arn| {
            Answer::Xml(format!(
                "<DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>{arn}</TargetGroupArn></member></TargetGroups></DescribeTargetGroupsResult>"
            ))
        });
        let tag = |key: &str, value: &str| {
            format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
        };
        let tags = arns.iter().map(|arn| {
            Answer::Xml(format!(
                "<DescribeTagsResult><TagDescriptions><member><ResourceArn>{arn}</ResourceArn><Tags>{}{}</Tags></member></TagDescriptions></DescribeTagsResult>",
                tag("strait:id", key.as_str()),
                tag("strait:plane", "plane-1")
            ))
        });
        let done = |action: &str| Answer::Xml(format!("<{action}Result/>"));
        Fake::default()
            .answer("DescribeTargetGroups", groups)
            .answer("DescribeTags", tags)
            .answer("DescribeTargetHealth", [health(targets)])
            .answer("RegisterTargets", [done("RegisterTargets")])
            .answer("DeregisterTargets", [done("DeregisterTargets")])
    }

    fn no_tags() -> Answer {
        Answer::Xml(
            "<DescribeTagsResult><TagDescriptions></TagDescriptions></DescribeTagsResult>"
                .to_owned(),
        )
    }

    fn health(targets: &[&str]) -> Answer {
        let members: String = (targets.iter())
            .map(|id| format!("<member><Target><Id>{id}</Id><Port>5432</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member>"))
            .collect();
        Answer::Xml(format!(
            "<DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions></DescribeTargetHealthResult>"
        ))
    }
}
